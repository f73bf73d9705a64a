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
