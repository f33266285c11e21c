// Deno's own sockets, as a user of Deno would write it.
import { shout } from "../../../shared/shout.ts";

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log(`listening on 127.0.0.1:${listener.addr.port}`);
while (true) {
  try {
    serve(await listener.accept());
  } catch {
    // The client was reset before it was accepted: that would end a `for await` over the listener.
  }
}

async function serve(connection: Deno.TcpConn) {
  const buffer = new Uint8Array(64 * 1024);
  try {
    connection.setNoDelay(true);
    for (let length; (length = await connection.read(buffer)) !== null;) {
      shout(buffer, length);
      for (let sent = 0; sent < length;) {
        sent += await connection.write(buffer.subarray(sent, length));
      }
    }
  } catch {
    // A reset concerns this client alone.
  } finally {
    connection.close();
  }
}
