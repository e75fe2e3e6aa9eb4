import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, describe, test } from "node:test";
import { Credentials, forgetCandidate, type Identity } from "../../src/candidate/credentials.ts";

/** A server that says what it was asked; `refuse` is answered to renewals. */
let server: Server;
let url: string;
let asked: string[];
let refuse: { status: number; code: string } | undefined;

before(async () => {
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const renewing = request.url!.endsWith("/token");
    const problem = renewing && refuse;
    response.statusCode = problem ? problem.status : 200;
    const data = { id: "p1", name: "Ada", token: `token-${asked.length}`, expires_at: "2030-01-01T00:00:00.000Z" };
    response.end(JSON.stringify(problem ? { ...problem, title: "", detail: "no" } : { success: true, data }));
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => server.close());

beforeEach(() => {
  asked = [];
  refuse = undefined;
  Object.defineProperty(globalThis, "localStorage", { value: storage(), configurable: true });
  otherTab();
});

function storage() {
  const kept = new Map<string, string>();
  return {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
    removeItem: (key: string) => kept.delete(key),
  };
}

/** What this tab has is another's from here on; the way back is returned. */
function otherTab(): () => void {
  const here = Object.getOwnPropertyDescriptor(globalThis, "sessionStorage");
  Object.defineProperty(globalThis, "sessionStorage", { value: storage(), configurable: true });
  return () => Object.defineProperty(globalThis, "sessionStorage", here!);
}

function credentials(changes: Partial<Identity> = {}): Credentials {
  const identity = { server: url, meeting: "m1", name: "Ada", token: "", joinSecret: "s", renew: undefined };
  return new Credentials({ ...identity, ...changes });
}

const JOIN = "POST /meetings/m1/participants";
const RENEW = "POST /meetings/m1/participants/p1/token";

describe("who this browser is", () => {
  test("joins once; a reload is the same participant, and asks nothing of a server that may be away", async () => {
    assert.equal(await credentials().first(), "token-1");
    assert.equal(await credentials().first(), "token-1");
    assert.deepEqual(asked, [JOIN]);
    assert.equal(await credentials().renew(), "token-2");
    assert.equal(await credentials().first(), "token-2");
    assert.deepEqual(asked, [JOIN, RENEW]);
  });

  test("another name at the same computer is another participant", async () => {
    await credentials().first();
    await credentials({ name: "Grace" }).first();
    assert.deepEqual(asked, [JOIN, JOIN]);
  });

  test("a second tab is the same, until somebody else joins there: then each tab stays who it is", async () => {
    await credentials().first();
    const back = otherTab();
    assert.equal(await credentials().first(), "token-1");
    forgetCandidate(url, "m1");
    assert.equal(await credentials().first(), "token-2");
    back();
    assert.equal(await credentials().first(), "token-1");
    assert.deepEqual(asked, [JOIN, JOIN]);
  });

  test("forgotten, it joins anew", async () => {
    const first = credentials();
    await first.first();
    first.forget();
    await first.first();
    assert.deepEqual(asked, [JOIN, JOIN]);
  });

  test("what the server says against a renewal is told", async () => {
    await credentials().first();
    refuse = { status: 403, code: "revoked" };
    await assert.rejects(credentials().renew(), { code: "revoked", final: true });
  });

  test("a token of the platform's own is taken as it is, and the platform gives the next", async () => {
    const given = credentials({ token: "given", joinSecret: "", renew: async () => "next" });
    assert.equal(await given.first(), "given");
    assert.equal(await given.renew(), "next");
    await assert.rejects(credentials({ token: "given", joinSecret: "" }).renew(), {
      code: "token_expired",
      final: true,
    });
    assert.deepEqual(asked, []);
  });
});
