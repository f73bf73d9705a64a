import { fileURLToPath } from 'node:url';

/** A file of the page. */
export interface Asset {
  type: string;
  body: Buffer;
}

const APP = fileURLToPath(new URL('../app/main.tsx', import.meta.url));

const HTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>hub — live</title>
<link rel="icon" href="/icon.svg">
<link rel="stylesheet" href="/app.css">
<script type="module" src="/app.js"></script>
</head>
<body><div id="app"><p class="boot">Loading…</p></div><noscript>This page needs JavaScript.</noscript></body>
</html>
`;

const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#2456c8"/><path d="M9 8v16M23 8v16M9 16h14" stroke="#fff" stroke-width="4" stroke-linecap="round"/></svg>`;

/** The page's files by their paths. They are bundled at the first request, so that a demo without a browser pays nothing. */
export function createAssets(): (path: string) => Promise<Asset | null> {
  let bundled: Promise<Map<string, Asset>> | null = null;
  return async (path) => {
    if (path === '/') return { type: 'text/html; charset=utf-8', body: Buffer.from(HTML) };
    if (path === '/icon.svg') return { type: 'image/svg+xml', body: Buffer.from(ICON) };
    if (path !== '/app.js' && path !== '/app.css') return null;
    bundled ??= bundle();
    return (await bundled).get(path) ?? null;
  };
}

async function bundle(): Promise<Map<string, Asset>> {
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    entryPoints: { app: APP },
    outdir: '/',
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'silent',
  });
  const types: Record<string, string> = { js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8' };
  return new Map(
    outputFiles.map(({ path, contents }) => [
      path,
      { type: types[path.split('.').at(-1) ?? ''] ?? 'application/octet-stream', body: Buffer.from(contents) },
    ]),
  );
}
