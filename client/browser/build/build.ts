// What the server hands out (`node build/build.ts`, into server/undertone/web/bundle) and the npm package
// (`node build/build.ts package`, into dist).

import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { compile, ROOT } from "./compile.ts";
import { pages } from "./pages.ts";

const DIST = join(ROOT, "dist");
const ELEMENTS = ["index", "define", "define-candidate", "define-sidebar", "define-room"];

/** Typed ES modules that need nothing else beside them. */
async function packaged(): Promise<void> {
  rmSync(DIST, { recursive: true, force: true });
  await compile(
    ELEMENTS.map((entry) => `src/${entry}.ts`),
    DIST,
    "[name]",
  );
  const options = ["--noEmit", "false", "--declaration", "--emitDeclarationOnly", "--rootDir", "src"];
  const types = ["-p", "build/types.json", ...options, "--outDir", join(DIST, "types")];
  execFileSync(join(ROOT, "node_modules/.bin/tsc"), types, { cwd: ROOT, stdio: "inherit" });
}

await (process.argv[2] === "package" ? packaged() : pages());
