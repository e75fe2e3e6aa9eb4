/** The HTTP calls against a real server that answers what a test says. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { Api, ApiError } from "../../src/shell/api.ts";

interface Call {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
  readonly body: unknown;
}

/** A server that answers everything alike, and the calls it got. */
async function answering(
  status: number,
  body: string,
): Promise<{ url: string; calls: Call[]; [Symbol.asyncDispose](): Promise<void> }> {
  const calls: Call[] = [];
  const server = createServer(async (request, response) => {
    const { method = "", url = "", headers } = request;
    const text = Buffer.concat(await request.toArray()).toString();
    calls.push({ method, url, authorization: headers.authorization, body: text ? JSON.parse(text) : undefined });
    response.writeHead(status).end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    [Symbol.asyncDispose]: async () => {
      server.close();
    },
  };
}

test("each call asks for what the protocol names", async () => {
  await using server = await answering(200, '{"data":{"id":"p1"},"anomalies":[],"url":"/x?y","expires_at":""}');
  const api = new Api(`${server.url}/`, "secret");
  const table: [() => Promise<unknown>, string, string, unknown][] = [
    [() => api.createMeeting("Algebra"), "POST", "/meetings", { title: "Algebra" }],
    [() => api.meetings(), "GET", "/meetings", undefined],
    [() => api.meetings("b&c"), "GET", "/meetings?before=b%26c", undefined],
    [() => api.join("m/1", { name: "Ada" }), "POST", "/meetings/m%2F1/participants", { name: "Ada" }],
    [
      () => api.join("m", { name: "Ada", externalId: "7" }),
      "POST",
      "/meetings/m/participants",
      { name: "Ada", external_id: "7" },
    ],
    [() => api.renew("m", "p", "old"), "POST", "/meetings/m/participants/p/token", { token: "old" }],
    [
      () => api.changeParticipant("m", "p", { expected_voices: 2 }),
      "PATCH",
      "/meetings/m/participants/p",
      { expected_voices: 2 },
    ],
    [() => api.inviteProctor("m", "Bob"), "POST", "/meetings/m/proctors", { name: "Bob" }],
    [() => api.changeProctor("m", "q", { revoked: true }), "PATCH", "/meetings/m/proctors/q", { revoked: true }],
    [() => api.anomalies("m"), "GET", "/meetings/m/anomalies", undefined],
    [() => api.events("m"), "GET", "/meetings/m/events", undefined],
    [() => api.events("m", { epoch: "e", id: 7 }, 50), "GET", "/meetings/m/events?epoch=e&after=7&limit=50", undefined],
    [
      () => api.review("m", "a", { decision: "open" }, "k"),
      "POST",
      "/meetings/m/anomalies/a/review",
      { key: "k", decision: "open" },
    ],
    [() => api.clipLink("m", "c"), "POST", "/meetings/m/clips/c/link", undefined],
    [() => api.end("m"), "POST", "/meetings/m/end", undefined],
    [() => api.remove("m"), "DELETE", "/meetings/m", undefined],
  ];
  for (const [call, method, url, body] of table) {
    await call();
    assert.deepEqual(server.calls.pop(), { method, url, authorization: "Bearer secret", body });
  }
  assert.equal((await api.clipLink("m", "c")).url, `${server.url}/x?y`);
  assert.deepEqual(await api.join("m", { name: "Ada" }), { id: "p1" });
  await new Api(server.url).createMeeting("Algebra");
  assert.equal(server.calls.pop()?.authorization, undefined);
});

test("a refusal is named as the server names it", async () => {
  await using server = await answering(
    429,
    '{"title":"rate limited","status":429,"code":"rate_limited","detail":"10 a minute","retry_after_ms":700}',
  );
  const error = await new Api(server.url).createMeeting("Algebra").catch((thrown: unknown) => thrown);
  assert.ok(error instanceof ApiError);
  assert.deepEqual(
    { status: error.status, code: error.code, detail: error.detail, retryAfterMs: error.retryAfterMs },
    { status: 429, code: "rate_limited", detail: "10 a minute", retryAfterMs: 700 },
  );
  assert.ok(!error.final);
});

test("what stays refused is final; no server, and another's answer, are named too", async () => {
  await using forbidden = await answering(403, '{"code":"forbidden","detail":"not yours"}');
  await assert.rejects(new Api(forbidden.url).end("m"), { code: "forbidden", final: true });
  await using other = await answering(200, "<html>");
  await assert.rejects(new Api(other.url).meetings(), { status: 200, code: "unreadable", detail: "<html>" });
  await using nothing = await answering(404, "null");
  await assert.rejects(new Api(nothing.url).meetings(), { status: 404, code: "unreadable", final: true });
  await using proxy = await answering(502, "bad gateway");
  await assert.rejects(new Api(proxy.url).meetings(), { status: 502, code: "unreadable", final: false });
  await using gone = await answering(200, "");
  await gone[Symbol.asyncDispose]();
  await assert.rejects(new Api(gone.url).meetings(), { status: 0, code: "unreachable", final: false });
});

test("204 answers nothing", async () => {
  await using server = await answering(204, "");
  assert.equal(await new Api(server.url).end("m"), undefined);
});
