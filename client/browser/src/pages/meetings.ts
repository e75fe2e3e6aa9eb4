/** The meetings that were created in this browser, with their secrets: the server keeps only hashes of those. */

import type { MeetingCreated, MeetingData } from "../wire/messages.ts";
import type { Kept } from "./storage.ts";

export interface KeptMeeting {
  readonly id: string;
  readonly title: string;
  readonly created_at: string;
  readonly admin_id: string;
  readonly join_secret: string;
  readonly ended_at?: string;
}

const KEY = "undertone.meetings";
const SECRETS = ["id", "title", "created_at", "admin_id", "join_secret"] as const;

export class Meetings {
  readonly #kept: Kept;

  constructor(kept: Kept) {
    this.#kept = kept;
  }

  /** Newest first. What is not a meeting (another version's, or damage) is left out. */
  list(): KeptMeeting[] {
    try {
      const read: unknown = JSON.parse(this.#kept.getItem(KEY) ?? "[]");
      return Array.isArray(read) ? read.filter(isMeeting) : [];
    } catch {
      return [];
    }
  }

  find(id: string): KeptMeeting | undefined {
    return this.list().find((meeting) => meeting.id === id);
  }

  add({ data, admin_id, join_secret }: MeetingCreated): void {
    const { id, title, created_at } = data;
    this.#write([{ id, title, created_at, admin_id, join_secret }, ...this.#others(id)]);
  }

  /** What the server says of it now. */
  update({ id, title, ended_at }: Pick<MeetingData, "id" | "title" | "ended_at">): void {
    const news = { title, ...(ended_at !== undefined && { ended_at }) };
    this.#write(this.list().map((meeting) => (meeting.id === id ? { ...meeting, ...news } : meeting)));
  }

  remove(id: string): void {
    this.#write(this.#others(id));
  }

  #others(id: string): KeptMeeting[] {
    return this.list().filter((meeting) => meeting.id !== id);
  }

  #write(meetings: readonly KeptMeeting[]): void {
    this.#kept.setItem(KEY, JSON.stringify(meetings));
  }
}

function isMeeting(value: unknown): value is KeptMeeting {
  const said = value as Partial<Record<string, unknown>> | null;
  return typeof said === "object" && said !== null && SECRETS.every((name) => typeof said[name] === "string");
}
