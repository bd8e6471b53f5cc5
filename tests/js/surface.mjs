// What can be imported, and what classes have, as JSON: compared with the types.

import * as parlance from "parlance-client";

const hidden = new Set(["constructor"]);
const surface = Object.entries(parlance).map(([name, value]) => {
  const isClass = typeof value === "function" && /^class\b/.test(String(value));
  const members = isClass ? Object.getOwnPropertyNames(value.prototype).filter((one) => !hidden.has(one)) : [];
  return [name, members];
});
console.log(JSON.stringify(Object.fromEntries(surface)));
