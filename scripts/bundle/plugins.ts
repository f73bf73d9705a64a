import type { Plugin } from 'esbuild';

/** The native modules, as a bundle finds them: in `native/` beside itself, with one `require` each instead of a search (and a synchronous `ldd`). */
export function nativeModules(): Plugin {
  return {
    name: 'native-modules',
    setup(bundler) {
      bundler.onLoad({ filter: /aws-crt\/dist\/native\/binding\.js$/ }, () => ({
        contents:
          "module.exports = require('./native/aws-crt.node'); module.exports.default = module.exports; module.exports.cRuntime = 'glibc';",
      }));
      bundler.onLoad({ filter: /bindings-cpp\/dist\/serialport-bindings\.js$/ }, () => ({
        contents: "exports.binding = require('./native/serialport.node');",
      }));
      bundler.onResolve({ filter: /^\.\/native\/.*\.node$/ }, ({ path }) => ({ path, external: true }));
    },
  };
}

/** Modules of packages that the agent has no use for, by their path, and what stands in their place. */
const LEFT_OUT: readonly (readonly [module: RegExp, instead: string])[] = [
  // Signed requests, and HTTP proxies: other ways to AWS IoT than ours.
  [/\/aws-crt\/dist\/native\/(auth|http)\.js$/, ''],
  // Worker threads that write the log.
  [/\/pino\/lib\/transport\.js$/, "module.exports = () => { throw new Error('the bundle has no transports'); };"],
  // pino's own writer to files and descriptors, which loads `node:assert`, and with that opens standard error as a stream.
  [/\/sonic-boom\/index\.js$/, "module.exports = class { constructor() { throw new Error('the bundle writes its log itself'); } };"],
  // The list of a machine's ports, from the program `udevadm`.
  [/\/bindings-cpp\/dist\/linux-list\.js$/, "exports.linuxList = () => Promise.reject(new Error('the bundle lists no ports'));"],
  // Traces of the packages themselves, switched by an environment variable that the unit does not set.
  [/\/debug\/src\/index\.js$/, 'module.exports = () => () => {};'],
];

/** pino asks whether it runs in a worker, for its transports: loading the module costs a start 4 ms. */
const MAIN_THREAD_ALONE = 'exports.isMainThread = true;';

/** Takes out of a bundle what its packages load for other uses of theirs: memory, and time at each start. */
export function withoutUnused(): Plugin {
  return {
    name: 'without-unused',
    setup(bundler) {
      for (const [filter, contents] of LEFT_OUT) bundler.onLoad({ filter }, () => ({ contents }));
      bundler.onResolve({ filter: /^(node:)?worker_threads$/ }, ({ path, importer }) =>
        importer.includes('/node_modules/pino/') ? { path, namespace: 'left-out' } : null,
      );
      bundler.onLoad({ filter: /./, namespace: 'left-out' }, () => ({ contents: MAIN_THREAD_ALONE }));
    },
  };
}
