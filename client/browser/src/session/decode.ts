/** Reads a message of the server, and refuses what the session could not work with. */

import { ServerFault } from "./base.ts";

/** Fields that must be there: a count (an integer from 0 on), a text, or a yes or no. Others may be, unread. */
export type Shape = Readonly<Record<string, "count" | "text" | "flag">>;

export const EXPIRING: Shape = { at: "text" };
export const ERROR: Shape = { code: "text", detail: "text" };

/** The message in `text`, if it has the shape of its `type`. Throws ServerFault otherwise. */
export function decode<Message extends { type: string }>(
  text: string,
  shapes: Readonly<Record<Message["type"], Shape>>,
): Message {
  const message = parse(text);
  const type = String(message.type);
  const shape = Object.hasOwn(shapes, type) ? shapes[type as Message["type"]] : undefined;
  if (!shape) throw new ServerFault(`a message of unknown type \`${type}\``);
  for (const [field, kind] of Object.entries(shape)) {
    if (!fits(message[field], kind)) throw new ServerFault(`\`${type}\` without a valid \`${field}\``);
  }
  return message as Message;
}

function parse(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ServerFault("a message that is not JSON");
  }
  if (typeof value !== "object" || value === null) throw new ServerFault("a message that is no object");
  return value as Record<string, unknown>;
}

function fits(value: unknown, kind: Shape[string]): boolean {
  if (kind === "count") return Number.isSafeInteger(value) && (value as number) >= 0;
  return typeof value === (kind === "text" ? "string" : "boolean");
}
