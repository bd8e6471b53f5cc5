// The bare broadcast loop: every message goes to every client as it is. No history, no order, no accounts.
// node ws_server.js PORT
"use strict";
const http = require("http");
const { WebSocketServer, WebSocket } = require("ws");

const server = http.createServer((_, response) => response.end("ok"));
const sockets = new WebSocketServer({ server, perMessageDeflate: false });

sockets.on("connection", (socket) => {
  socket.on("message", (data, isBinary) => {
    for (const client of sockets.clients) {
      if (client.readyState === WebSocket.OPEN) client.send(data, { binary: isBinary });
    }
  });
});

server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });
