/** A real WebSocket server whose every word a test says itself. */

import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type WebSocket as ServerSocket, WebSocketServer } from "ws";

/** What comes next, for whoever waits for it. */
class Queue<Item> {
  readonly #items: Item[] = [];
  #wanted: ((item: Item) => void) | null = null;

  get length(): number {
    return this.#items.length;
  }

  put(item: Item): void {
    if (this.#wanted) this.#wanted(item);
    else this.#items.push(item);
    this.#wanted = null;
  }

  take(): Promise<Item> {
    const item = this.#items.shift();
    return item === undefined
      ? new Promise((resolve) => {
          this.#wanted = resolve;
        })
      : Promise.resolve(item);
  }
}

/** One connection of a client. */
export class Line {
  readonly socket: ServerSocket;
  readonly path: string;
  readonly #said = new Queue<Record<string, unknown>>();
  readonly closed: Promise<unknown>;
  /** All audio that came over it. */
  audio = 0;

  constructor(socket: ServerSocket, path: string) {
    this.socket = socket;
    this.path = path;
    this.closed = once(socket, "close");
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      if (isBinary) this.audio += data.length;
      else this.#said.put(JSON.parse(data.toString()) as Record<string, unknown>);
    });
  }

  /** The next text message. */
  said(): Promise<Record<string, unknown>> {
    return this.#said.take();
  }

  say(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  /** Takes a candidate's hello, and answers it. */
  async greet(fields: object = {}): Promise<Record<string, unknown>> {
    const hello = await this.said();
    assert.equal(hello.type, "hello");
    const stream = { stream: 1, offset: 0, held: 0, window_ms: 60_000, max_message_bytes: 65_536 };
    const channel = { meeting: "m1", epoch: "e", recovered: "after" in hello, last_id: 0 };
    this.say({ type: "ready", ...(this.path === "/stream" ? stream : channel), ...fields });
    return hello;
  }

  /** Says why, as the server does before every close from 4000 up, and closes. */
  close(code: number, error: { code: string; detail?: string; retry_after_ms?: number }): void {
    this.say({ type: "error", detail: "so it is", ...error });
    this.socket.close(code);
  }

  /** The line breaks without a word. */
  cut(): void {
    this.socket.terminate();
  }
}

export class Peer {
  readonly #server: WebSocketServer;
  readonly #lines = new Queue<Line>();
  connections = 0;

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on("connection", (socket, request) => {
      this.connections += 1;
      this.#lines.put(new Line(socket, request.url ?? ""));
    });
  }

  static async listening(): Promise<Peer> {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
    await once(server, "listening");
    return new Peer(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The next connection. */
  line(): Promise<Line> {
    return this.#lines.take();
  }

  close(): void {
    for (const socket of this.#server.clients) socket.terminate();
    this.#server.close();
  }
}
