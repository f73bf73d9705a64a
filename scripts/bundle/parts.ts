import { writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { type BuildOptions, build, transform } from 'esbuild';

/** What every bundle of the project has in common. Names stay as they are: a stack in the log can be read. */
export const COMMON = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  logLevel: 'warning',
} satisfies BuildOptions;

/**
 * Bundles a program into CommonJS files: one for what it starts with, and one for each module that it imports when it is needed (`import()`), which
 * costs nothing before. Modules that several files need stand once, in files of their own.
 * esbuild divides only ECMAScript modules, so each file is turned into CommonJS afterwards: Node loads that sooner, in less memory.
 */
export async function bundleInParts(options: Pick<BuildOptions, 'entryPoints' | 'define' | 'plugins'> & { outdir: string }): Promise<void> {
  const { outputFiles, metafile } = await build({
    ...COMMON,
    ...options,
    outExtension: { '.js': '.cjs' },
    chunkNames: 'part-[name]-[hash]',
    format: 'esm',
    splitting: true,
    write: false,
    metafile: true,
  });
  const packages = Object.entries(metafile.outputs).filter(([, { entryPoint, exports }]) => isPackage(entryPoint, exports));
  for (const { path, text } of outputFiles) {
    const { code } = await transform(text, {
      format: 'cjs',
      platform: 'node',
      target: 'node24',
      minifyWhitespace: true,
      supported: { 'dynamic-import': false },
    });
    await writeFile(
      join(dirname(path), basename(path).toLowerCase()),
      lowerCase(packages.some(([name]) => resolve(name) === path) ? `${code}${NAMED_EXPORTS}` : code),
    );
  }
}

/** esbuild's hashes are in capitals; the names of a release's parts are not. */
const lowerCase = (code: string) => code.replace(/"\.\/part-[\w-]+\.cjs"/g, (name) => name.toLowerCase());

/** A CommonJS package that is imported when it is needed: esbuild gives such a file a default export alone. */
const isPackage = (entryPoint: string | undefined, exports: string[]) =>
  entryPoint?.includes('node_modules/') && exports.length === 1 && exports[0] === 'default';

/** With it `import()` gives the names that Node gives. */
const NAMED_EXPORTS = 'module.exports={...module.exports.default,default:module.exports.default};';
