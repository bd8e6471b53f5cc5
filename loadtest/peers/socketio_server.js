// Socket.IO's broadcast to one room that everybody has joined.
// node socketio_server.js PORT
"use strict";
const http = require("http");
const { Server } = require("socket.io");

const server = http.createServer((_, response) => response.end("ok"));
const io = new Server(server, {
  transports: ["websocket"],
  perMessageDeflate: false,
  serveClient: false,
  pingInterval: 3600000, // no server pings while it is measured
});

io.on("connection", (socket) => {
  socket.join("room");
  socket.on("message", (text) => io.to("room").emit("message", text));
});

server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });
