/** What a close means: by the number alone. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { faultOf } from "../../src/session/base.ts";
import { mayRetry } from "../../src/session/close.ts";

test("who tries again", () => {
  const again = [1001, 1002, 1005, 1006, 1010, 1011, 1012, 1013, 1015, 3000, 4000, 4006, 4007, 4499];
  const never = [1000, 1003, 1007, 1008, 1009, 4500, 4501, 4506, 4509, 4999];
  for (const code of again) assert.ok(mayRetry(code), `${code}`);
  for (const code of never) assert.ok(!mayRetry(code), `${code}`);
});

test("faults have the table's names, and words where the server gave none", () => {
  assert.deepEqual(faultOf(4506, ""), { close: 4506, code: "taken_over", detail: "closed with 4506" });
  assert.deepEqual(faultOf(1008, "policy"), { close: 1008, code: "closed", detail: "policy" });
});
