/** The screen with a scripted phone, in a real terminal: `node -r ./test/support/register-ts.cjs test/unit/client/screen/demo.ts`. `crash` as argument: an uncaught error after a moment. */
import { initialView, reduce, type PhoneView } from '../../../../client/cli/state';
import { cursorOf, KeyReader, render, Terminal } from '../../../../client/cli/screen';
import { inCall, registered } from './script';

let view: PhoneView = initialView({ address: '1001@pbx.test', nowMs: Date.now() });
const apply = (event: Parameters<typeof reduce>[1]): void => {
  view = reduce(view, event, Date.now());
  draw();
};
const options = () => ({ columns: terminal.columns, rows: terminal.rows, colour: true, unicode: true });
function draw(): void {
  terminal.draw(render(view, options()), cursorOf(view, options()));
}
const end = (): void => {
  clearInterval(ticker);
  terminal.close();
};
const keys = new KeyReader({
  view: () => view,
  apply,
  command(command) {
    if (command.do === 'quit') end();
    else if (command.do === 'suspend') terminal.suspend();
    else if (command.do === 'redraw') terminal.forget();
    else apply({ event: 'ui-notice', kind: 'info', text: JSON.stringify(command) });
    if (command.do === 'redraw') draw();
  },
});
const terminal = new Terminal({ input: process.stdin, output: process.stdout, onKey: (key) => keys.press(key, Date.now()), onResize: () => draw(), onEnd: end });
const ticker = setInterval(() => apply({ event: 'ui-tick' }), 200);
terminal.open();
for (const event of registered()) apply(event);
if (!process.argv.includes('idle')) for (const event of inCall()) apply(event);
if (process.argv.includes('crash')) setTimeout(() => { throw new Error('crashed on purpose'); }, 300);
