/** Registers `<undertone-room>`. The provider's script is loaded when a room needs it. */

import { UndertoneRoom } from "./room/element.ts";
import { RoomTile } from "./room/tile.ts";

if (!customElements.get("ut-tile")) customElements.define("ut-tile", RoomTile);
if (!customElements.get("undertone-room")) customElements.define("undertone-room", UndertoneRoom);

declare global {
  interface HTMLElementTagNameMap {
    "undertone-room": UndertoneRoom;
    "ut-tile": RoomTile;
  }
}
