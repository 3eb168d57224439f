// Makes the page in dist/: what Cockpit serves.
import { cpSync, rmSync } from "node:fs";
import { build } from "esbuild";

rmSync("dist", { recursive: true, force: true });
await build({
  entryPoints: ["src/index.js", "src/index.css"],
  outdir: "dist",
  bundle: true,
  minify: true,
  target: "es2020",
  legalComments: "eof",
  // Cockpit has these fonts, and shares them.
  external: ["*.woff2"],
  loader: { ".svg": "file" },
});
for (const file of ["index.html", "manifest.json"])
  cpSync(`src/${file}`, `dist/${file}`);
