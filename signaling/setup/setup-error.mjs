/** What set-up could not do, in a sentence (or a sentence and the output of the program that failed). */
export class SetupError extends Error {
  constructor(sentence) {
    super(sentence);
    this.name = 'SetupError';
    this.sentence = sentence;
  }
}
