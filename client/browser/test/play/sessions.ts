/**
 * Lends the sessions to another program, line by line: each line of stdin is `[method, ...arguments]`, each line of
 * stdout its result. Audio is base64, in `{audio}`; what is thrown comes as `{thrown}`. The other program is the
 * server's own state machine, which no TypeScript could be.
 */

import { createInterface } from "node:readline";
import { ChannelSession, StreamSession } from "../../src/index.ts";

let stream = new StreamSession("token");
let channel = new ChannelSession({ meeting: "m1", adminId: "secret" });

const METHODS: Record<string, (...given: never[]) => unknown> = {
  stream: (keepMs: number) => {
    stream = new StreamSession("token", { keepMs });
  },
  record: (audio: string) => stream.record(Buffer.from(audio, "base64")),
  lose: (ms: number) => stream.lose(ms),
  finish: () => stream.finish(),
  hello: () => stream.connect(),
  next: () => {
    const message = stream.nextMessage();
    return message instanceof Uint8Array ? { audio: Buffer.from(message).toString("base64") } : message;
  },
  receive: (text: string) => stream.receive(text),
  closed: (code: number) => stream.closed(code),
  begin: () => stream.outbox.begin,
  finished: () => stream.finished,
  lostMs: () => stream.lostMs,
  channel: () => {
    channel = new ChannelSession({ meeting: "m1", adminId: "secret" });
  },
  channelHello: () => channel.connect(),
  channelReview: (key: string, anomaly: string) =>
    channel.review({ type: "review", key, anomaly, decision: "confirmed" }),
  channelNext: () => channel.nextMessage(),
  channelReceive: (text: string) => channel.receive(text),
  channelClosed: (code: number) => channel.closed(code),
  channelCursor: () => channel.cursor,
};

for await (const line of createInterface({ input: process.stdin })) {
  const [method, ...given] = JSON.parse(line) as [string, ...never[]];
  let answer: unknown;
  try {
    answer = METHODS[method]!(...given) ?? null;
  } catch (error) {
    answer = { thrown: String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
