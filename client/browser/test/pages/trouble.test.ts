import assert from "node:assert/strict";
import { test } from "node:test";
import { troubleOf, troubleWith } from "../../src/pages/trouble.ts";
import { ApiError } from "../../src/shell/api.ts";

test("what passes by itself may be tried again, what stays may not", () => {
  assert.deepEqual(troubleOf("rate_limited", "…"), { kind: "busy", passing: true });
  assert.deepEqual(troubleOf("unreachable", "…"), { kind: "unreachable", passing: true });
  assert.deepEqual(troubleOf("not_found", "…"), { kind: "unknown", passing: false });
  assert.deepEqual(troubleOf("unauthorized", "…"), { kind: "refused", passing: false });
  assert.deepEqual(troubleOf("meeting_ended", "…"), { kind: "ended", passing: false });
});

test("what has no words of ours is told as the server told it", () => {
  assert.deepEqual(troubleWith(new ApiError(500, "internal", "failure 12ab")), {
    kind: "other",
    detail: "failure 12ab",
    passing: true,
  });
  assert.equal(troubleWith(new TypeError("no address")).detail, "TypeError: no address");
});
