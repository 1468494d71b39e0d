/**
 * `node ping.mjs HOST PORT`: asks a SIP server whether it is there (OPTIONS over UDP, RFC 3261 §11); exit code 0 when it answers anything.
 */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';

const [host = '127.0.0.1', port = '5060'] = process.argv.slice(2);
const random = () => randomBytes(8).toString('hex');
const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');

function end(code, sentence) {
  socket.close();
  (code === 0 ? process.stdout : process.stderr).write(`${sentence}\n`);
  process.exitCode = code;
}

const timeout = setTimeout(() => end(1, `no answer from ${host} port ${port}`), 3000);
socket.on('message', (answer) => {
  clearTimeout(timeout);
  end(0, String(answer).split('\r\n', 1)[0]);
});
socket.on('error', (error) => {
  clearTimeout(timeout);
  end(1, error.message);
});
socket.connect(Number(port), host, () => {
  const own = socket.address();
  const address = own.family === 'IPv6' ? `[${own.address}]` : own.address;
  socket.send(
    [
      `OPTIONS sip:${host.includes(':') ? `[${host}]` : host}:${port} SIP/2.0`,
      `Via: SIP/2.0/UDP ${address}:${own.port};branch=z9hG4bK${random()};rport`,
      'Max-Forwards: 70',
      `From: <sip:ping@${address}>;tag=${random()}`,
      `To: <sip:${host}>`,
      `Call-ID: ${random()}`,
      'CSeq: 1 OPTIONS',
      'Content-Length: 0',
      '',
      '',
    ].join('\r\n'),
  );
});
