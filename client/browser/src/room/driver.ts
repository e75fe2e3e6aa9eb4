/** What a provider's script does for us, whichever it is. */

import type { RoomData } from "../wire/messages.ts";

/** Shows somebody's camera in an element, for as long as it is wanted there. */
export interface Picture {
  readonly id: string;
  attach(element: HTMLVideoElement): void;
  detach(element: HTMLVideoElement): void;
}

/** Somebody in the room, as they are now. */
export interface Person {
  readonly id: string;
  readonly name: string;
  readonly proctor: boolean;
  readonly self: boolean;
  readonly picture: Picture | null;
  /** What is heard of them here; null where they are muted, or nobody listens. */
  readonly voice: MediaStreamTrack | null;
  /** Whether they send any sound to the room. */
  readonly muted: boolean;
}

/** Why a visit ended: the line broke, a proctor or the server showed us out, another tab took over, the room is closed. */
export type Ending = "lost" | "removed" | "elsewhere" | "closed";

export interface Ears {
  /** Somebody came, left, turned something on or off. */
  onChange: () => void;
  onEnd: (why: Ending) => void;
}

export interface Driver {
  /** Resolves inside. Rejects if it can't be reached or doesn't let us in. */
  enter(): Promise<void>;
  /** Who is here, oneself first. */
  people(): Person[];
  /**
   * What the room hears of us: a track of somebody else's, which is neither stopped nor changed here; null for nothing.
   * Another one takes its place.
   */
  speak(track: MediaStreamTrack | null): Promise<void>;
  /** The camera, opened here. Rejects as getUserMedia does. */
  show(on: boolean): Promise<void>;
  /** Whether somebody is to be heard here. */
  listen(id: string, on: boolean): void;
  leave(): void;
}

/** Candidates see and hear proctors and nobody else; proctors see everybody and hear those they listen to. */
export type Role = "candidate" | "proctor";

export type MakeDriver = (room: RoomData, role: Role, ears: Ears) => Driver;

const PROCTOR = "proctor:";

/** By the id that the server gave them at the provider, which nobody chooses for themselves. */
export const isProctor = (id: string): boolean => id.startsWith(PROCTOR);

/** Whether `role` gets to see somebody at all. */
export const sees = (role: Role, id: string): boolean => role === "proctor" || isProctor(id);
