/** Which key was meant, whatever script the keyboard writes. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { latin } from "../../src/sidebar/keys.ts";

for (const [key, code, meant] of [
  ["j", "KeyJ", "j"],
  ["K", "KeyK", "k"],
  ["ت", "KeyJ", "j"],
  ["ن", "KeyK", "k"],
  ["j", "KeyC", "j"], // a layout with the letters elsewhere (Dvorak): what is written on the key counts
  ["ArrowLeft", "ArrowLeft", "arrowleft"],
  [" ", "Space", " "],
] as const) {
  test(`${key} of ${code} is ${meant}`, () => assert.equal(latin({ key, code }), meant));
}
