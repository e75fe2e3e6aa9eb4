/** The connection behind a sidebar against a real server, whose every word a test says. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { WebSocketServer } from "ws";
import { Desk, type Entry } from "../../src/sidebar/desk.ts";
import { AT } from "../session/meeting.ts";
import { Line } from "../shell/peer.ts";
import { until } from "../waiting.ts";
import { anomaly } from "./exam.ts";

/** A desk that was started, the lines that it opened, and the credentials of its calls, which are all answered alike. */
async function sitting(
  entry: Partial<Entry>,
  answer: object,
): Promise<{
  desk: Desk;
  lines: Line[];
  credentials: (string | undefined)[];
  decided: string[];
  [Symbol.asyncDispose](): Promise<void>;
}> {
  const lines: Line[] = [];
  const credentials: (string | undefined)[] = [];
  const decided: string[] = [];
  const server = createServer((request, response) => {
    credentials.push(request.headers.authorization);
    response.end(JSON.stringify(answer));
  });
  const sockets = new WebSocketServer({ server, perMessageDeflate: false });
  sockets.on("connection", (socket, request) => lines.push(new Line(socket, request.url ?? "")));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const nothing = (): void => undefined;
  const desk = new Desk(
    { server: address, meeting: "m1", ...entry },
    { changed: nothing, news: nothing, line: nothing, decided: ({ id }) => decided.push(id) },
  );
  desk.start();
  await until(() => lines.length === 1);
  return {
    desk,
    lines,
    credentials,
    decided,
    [Symbol.asyncDispose]: async () => {
      desk.stop();
      for (const socket of sockets.clients) socket.terminate();
      server.close();
      server.closeAllConnections();
    },
  };
}

test("once the token was renewed, the calls beside the channel carry the fresh one", async () => {
  await using it = await sitting({ token: "old", renew: async () => "new" }, { data: {}, url: "c", expires_at: AT });
  const [line] = it.lines;
  await line!.greet();
  await until(() => it.credentials.length === 1);
  line!.say({ type: "expiring", at: AT });
  assert.deepEqual(await line!.said(), { type: "refresh", token: "new" });
  await it.desk.clipLink("c");
  assert.deepEqual(it.credentials, ["Bearer old", "Bearer new"]);
});

test("who comes after the end of a meeting is told of it", async () => {
  await using it = await sitting({ adminId: "secret" }, { data: { id: "m1", ended_at: AT } });
  assert.equal(it.desk.model.ended, false);
  await it.lines[0]!.greet();
  await until(() => it.desk.model.ended);
});

test("another name is said at once, and a decision on its way arrives under it", async () => {
  await using it = await sitting({ adminId: "secret", name: "Bob" }, { data: {} });
  await it.lines[0]!.greet({ last_id: 4 });
  const decided = it.desk.decide("a1", { decision: "dismissed", note: null });
  await it.lines[0]!.said();
  assert.equal(it.desk.sending, 1);
  it.desk.rename("Robin");
  await until(() => it.lines.length === 2);
  const hello = await it.lines[1]!.greet({ last_id: 4 });
  assert.deepEqual([hello.name, hello.after], ["Robin", { epoch: "e", id: 4 }]);
  assert.equal((await it.lines[1]!.said()).type, "review");
  const review = { decision: "dismissed", by: "Robin", at: AT } as const;
  const dismissed = anomaly("a1", { id: "p1", name: "Ada" }, 0, { state: "dismissed", review });
  it.lines[1]!.say({ type: "event", id: 5, kind: "anomaly_reviewed", at: AT, anomaly: dismissed });
  await decided;
  assert.equal(it.desk.sending, 0);
});

test("what somebody else decided is told, what was decided here is not", async () => {
  await using it = await sitting({ adminId: "secret", name: "Salma" }, { data: {} });
  const people = ["a1", "a2"].map((id) => anomaly(id, { id: `of-${id}`, name: "Ada" }, 0));
  await it.lines[0]!.greet({ last_id: 4, candidates: [], anomalies: people });
  await until(() => it.desk.model.known);
  const own = it.desk.decide("a1", { decision: "confirmed", note: null });
  await it.lines[0]!.said();
  for (const [at, one] of people.entries()) {
    const review = { decision: "confirmed", by: at === 0 ? "Salma" : "Morgan", at: AT } as const;
    const reviewed = { ...one, state: "confirmed", review } as const;
    it.lines[0]!.say({ type: "event", id: 5 + at, kind: "anomaly_reviewed", at: AT, anomaly: reviewed });
  }
  await own;
  await until(() => it.decided.length > 0);
  assert.deepEqual(it.decided, ["a2"]);
});
