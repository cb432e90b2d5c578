// Takes from node_modules what the page loads, into lib/: small files, no bundle. `npm run collect`.

import { cpSync, mkdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const FROM = fileURLToPath(new URL("node_modules/", import.meta.url));
const TO = fileURLToPath(new URL("lib/", import.meta.url));

/** What the page calls a file, and where it comes from. */
const FILES = {
  "marked.js": "marked/lib/marked.esm.js",
  "purify.js": "dompurify/dist/purify.min.js",
  "highlight.js": "@highlightjs/cdn-assets/es/core.min.js",
  "temml.js": "temml/dist/temml.mjs",
  "temml.css": "temml/dist/Temml-Local.css",
  "Temml.woff2": "temml/dist/Temml.woff2",
  "Inter.woff2": "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2",
  "Inter.LICENSE.txt": "@fontsource-variable/inter/LICENSE",
  "pdf.js": "pdfjs-dist/build/pdf.min.mjs",
  "pdf.worker.js": "pdfjs-dist/build/pdf.worker.min.mjs",
};
const LANGUAGES = "@highlightjs/cdn-assets/es/languages/";
const SPOKEN = `apache awk bash c clojure cmake cpp csharp css dart diff dockerfile elixir erlang fortran go gradle graphql
  haskell http ini java javascript json julia kotlin latex less lisp lua makefile markdown matlab nginx nim nix objectivec
  ocaml perl php plaintext powershell prolog protobuf python r ruby rust scala scheme scss shell sql swift typescript vim
  wasm x86asm xml yaml`.split(/\s+/);

rmSync(TO, { recursive: true, force: true });
mkdirSync(`${TO}languages`, { recursive: true });
for (const [name, source] of Object.entries(FILES)) cpSync(FROM + source, TO + name);
for (const name of SPOKEN) cpSync(`${FROM + LANGUAGES + name}.min.js`, `${TO}languages/${name}.js`);
