/** Waiting, for tests of what takes time. */

import assert from "node:assert/strict";

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Until it is so. */
export async function until(isSo: () => boolean, withinMs = 10_000): Promise<void> {
  for (const deadline = Date.now() + withinMs; !isSo(); ) {
    assert.ok(Date.now() < deadline, "it never was");
    await sleep(10);
  }
}
