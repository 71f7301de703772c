/** A mail server that keeps what it gets: enough of SMTP for Alertmanager. */
import {createServer, type Socket} from 'node:net';
import type {AddressInfo} from 'node:net';

export interface MailCatcher extends AsyncDisposable {
  readonly port: number;
  readonly mails: readonly string[];
}

export async function startMailCatcher(): Promise<MailCatcher> {
  const mails: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    serve(socket, mails);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    mails,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function serve(socket: Socket, mails: string[]): void {
  let input = '';
  let isData = false;
  socket.write('220 catcher\r\n');
  socket.on('data', (chunk) => {
    input += chunk.toString('utf8');
    for (;;) {
      const end = isData ? input.indexOf('\r\n.\r\n') : input.indexOf('\r\n');
      if (end === -1) return;
      const taken = input.slice(0, end);
      input = input.slice(end + (isData ? 5 : 2));
      if (isData) {
        isData = false;
        mails.push(taken);
        socket.write('250 kept\r\n');
        continue;
      }
      const verb = taken.slice(0, 4).toUpperCase();
      isData = verb === 'DATA';
      socket.write(verb === 'DATA' ? '354 go on\r\n' : verb === 'QUIT' ? '221 bye\r\n' : '250 ok\r\n');
    }
  });
}
