/**
 * A drachtio-srf program in a process of its own, so that it can be killed: `node control-program.cjs HOST PORT SECRET TAG`. Commands on stdin:
 *
 *     connect         ─▶ connected
 *     call URI        ─▶ dialog ID
 *     bye ID          ─▶ ended STATUS      a dialog that it may never have seen: its own under these tags
 */
const { createInterface } = require('node:readline');
const Srf = require('drachtio-srf');

const [host, port, secret, tag] = process.argv.slice(2);
const sdp = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n';
const srf = new Srf();
const say = (...words) => process.stdout.write(`${words.join(' ')}\n`);

const commands = {
  connect: () => {
    srf.on('connect', (error) => say(error ? `refused ${error.message}` : 'connected'));
    srf.connect({ host, port: Number(port), secret, tags: [tag] });
  },
  call: (uri) => srf.createUAC(uri, { localSdp: sdp }).then((dialog) => say('dialog', dialog.id), (error) => say('failed', error.message)),
  // What `Dialog.destroy` does, without the object, which died with the program that had made it.
  bye: (id) =>
    srf._app.client.request({ method: 'BYE', stackDialogId: id }, (error, request) => {
      if (error) say('failed', error.message ?? error);
      else request.on('response', (response) => say('ended', response.status));
    }),
};

srf.on('error', (error) => say('error', error.message));
createInterface({ input: process.stdin }).on('line', (line) => {
  const [command, argument] = line.split(' ');
  commands[command](argument);
});
