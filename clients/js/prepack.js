// `npm pack` runs this: the source stands where the server serves it, and comes into the package as it is there.

import { cpSync, mkdirSync, readdirSync, rmSync } from "node:fs";

const served = new URL("../../server/web/static/parlance/", import.meta.url);
const packed = new URL("src/", import.meta.url);

rmSync(packed, { recursive: true, force: true });
mkdirSync(packed);
for (const name of readdirSync(served)) cpSync(new URL(name, served), new URL(name, packed));
cpSync(new URL("../../LICENSE", import.meta.url), new URL("LICENSE", import.meta.url));
