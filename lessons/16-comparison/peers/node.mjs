// Node's own sockets, as a user of Node would write it.
import net from "node:net";

// The module that all peers in JavaScript use, without its types, which Node 20 does not know.
const { shout } = await import(process.argv[2]);

const server = net.createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
  socket.on("data", (bytes) => {
    // While the client does not read, nothing more is read from it.
    if (!socket.write(shout(bytes))) socket.pause();
  });
  socket.on("drain", () => socket.resume());
  socket.on("end", () => socket.end());
  socket.on("error", () => {});
});
server.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => {
  console.log(`listening on 127.0.0.1:${server.address().port}`);
});
