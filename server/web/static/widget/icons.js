/** The widget's few icons, drawn here: a page's policy may allow no pictures from elsewhere. */

import { svg } from "../chat/dom.js";

const PATHS = {
  chat: "M4 5.5A2.5 2.5 0 0 1 6.5 3h11A2.5 2.5 0 0 1 20 5.5v8a2.5 2.5 0 0 1-2.5 2.5H10l-4.6 4.1A.85.85 0 0 1 4 19.5Z",
  close: "m6 6 12 12M18 6 6 18",
  down: "m6 9 6 6 6-6",
  send: "M4 12 20 4l-4 16-4.5-6.5L20 4",
  up: "M7 11v9H4v-9Zm0 0 4-8a2 2 0 0 1 2 2v4h5.5a2 2 0 0 1 2 2.4l-1.3 7a2 2 0 0 1-2 1.6H7",
  bell: "M6 17V11a6 6 0 0 1 12 0v6l1.5 2h-15Zm4 4h4",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-8 9a8 8 0 0 1 16 0",
  fresh: "M12 5v14M5 12h14",
};

export function icon(name, turned = false) {
  const path = svg("path", { d: PATHS[name] });
  const shape = {
    viewBox: "0 0 24 24",
    class: turned ? "icon turned" : "icon",
    "aria-hidden": "true",
    focusable: "false",
  };
  return svg("svg", shape, path);
}
