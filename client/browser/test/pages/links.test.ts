import assert from "node:assert/strict";
import { test } from "node:test";
import { joinLink, readLink, watchLink } from "../../src/pages/links.ts";

test("a candidates' link leads back to its meeting and secret, which stands in the fragment", () => {
  const link = joinLink("https://exams.example", "algebra-1", "s-e_c%r/t#?");
  assert.equal(new URL(link).pathname, "/join/algebra-1");
  assert.ok(!link.slice(0, link.indexOf("#")).includes("s-e_c"));
  assert.deepEqual(readLink(link), { meeting: "algebra-1", joinSecret: "s-e_c%r/t#?" });
});

test("below the path that a proxy adds", () => {
  const server = "https://exams.example/undertone";
  assert.deepEqual(readLink(joinLink(server, "m", "s")), { meeting: "m", joinSecret: "s" });
  assert.equal(watchLink(server, "m"), "https://exams.example/undertone/watch/m");
});

test("a link that was cut has no secret, and one that mail has wrapped has no spaces", () => {
  for (const cut of ["https://x.example/join/m", "https://x.example/join/m#", "https://x.example/join/m#%E0%A4%A"]) {
    assert.deepEqual(readLink(cut), { meeting: "m", joinSecret: "" });
  }
  assert.equal(readLink("https://x.example/join/m#secret%20%0A").joinSecret, "secret");
});
