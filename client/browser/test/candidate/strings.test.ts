import assert from "node:assert/strict";
import { test } from "node:test";
import { candidate } from "../../src/locale/candidate.ts";
import { LANGUAGES } from "../../src/locale/index.ts";

/** All paths of a catalogue, with what stands there. */
function entries(value: unknown, path = ""): [string, unknown][] {
  if (typeof value !== "object" || value === null) return [[path, value]];
  return Object.entries(value).flatMap(([key, inside]) => entries(inside, `${path}.${key}`));
}

test("both languages have the same entries, and no text is empty", () => {
  const [english, ...others] = LANGUAGES.map((lang) => entries(candidate[lang]));
  for (const other of others) {
    assert.deepEqual(
      other.map(([path, text]) => [path, typeof text]),
      english!.map(([path, text]) => [path, typeof text]),
    );
    for (const [path, text] of other) assert.ok(typeof text === "function" || (text as string).length > 0, path);
  }
});

test("numbers are written as the language writes them", () => {
  assert.match(candidate.en.consent.howText(30), /30 days/);
  assert.match(candidate.en.check.speaking(1), /1 second$/);
  assert.match(candidate.ar.check.speaking(3), /ثوا/);
});
