import assert from "node:assert/strict";
import { test } from "node:test";
import { examKey } from "../../src/candidate/tab.ts";

const HERE = { server: "https://exams.example", meeting: "m1", name: "", token: "" };

/** As the server mints them: base64url without padding. */
function token(sub: string, exp: number): string {
  const part = (claims: object) => Buffer.from(JSON.stringify(claims)).toString("base64url");
  return `${part({ alg: "HS256" })}.${part({ sub, exp, name: "Ñandú?>" })}.signature`;
}

test("an exam by token is its owner's: renewed it goes on, and the next person's is another one", () => {
  const key = (sub: string, exp: number) => examKey({ ...HERE, token: token(sub, exp) });
  assert.equal(key("ada", 1), key("ada", 2));
  assert.notEqual(key("ada", 1), key("grace", 1));
});

test("without a token the name tells them apart", () => {
  assert.notEqual(examKey({ ...HERE, name: "Ada" }), examKey({ ...HERE, name: "Grace" }));
});

test("what is no token is nobody's, and throws nothing", () => {
  assert.equal(examKey({ ...HERE, token: "no token" }), examKey({ ...HERE, token: "a.%%.c" }));
});
