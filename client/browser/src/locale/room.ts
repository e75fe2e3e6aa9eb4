/** The words of the video room. */

import { room as ar } from "./ar/room.ts";
import { room as en, type RoomStrings } from "./en/room.ts";
import type { Area } from "./index.ts";

export type { RoomStrings };

export const room: Area<RoomStrings> = { en, ar };
