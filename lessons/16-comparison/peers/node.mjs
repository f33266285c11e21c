// Node's own sockets: what people write who use Node.
import net from "node:net";

const server = net.createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
  socket.on("data", (bytes) => {
    for (let i = 0; i < bytes.length; i++) {
      if (bytes[i] >= 97 && bytes[i] <= 122) bytes[i] -= 32;
    }
    // While the client does not read, nothing more is read from it.
    if (!socket.write(bytes)) socket.pause();
  });
  socket.on("drain", () => socket.resume());
  socket.on("end", () => socket.end());
  socket.on("error", () => {});
});
server.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => {
  console.log(`listening on 127.0.0.1:${server.address().port}`);
});
