// What a shop might do: open the chat from a button of its own, hand over a token, listen.
window.heard = [];
for (const type of ["ready", "open", "close", "message", "unread", "state"])
  document.addEventListener(`parlance:${type}`, ({ detail }) => window.heard.push([type, detail]));
window.shop = { asked: 0, tokens: JSON.parse(new URLSearchParams(location.search).get("tokens") ?? "[]") };
window.shop.chatToken = async () => {
  window.shop.asked += 1;
  return window.shop.tokens.shift() ?? null;
};
document.addEventListener("DOMContentLoaded", () =>
  document.getElementById("help").addEventListener("click", () => window.parlance.open()),
);
