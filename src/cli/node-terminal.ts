/** Reads an answer from the real terminal. Edge file. */
import {spawn} from 'node:child_process';
import {typedBytesMax} from './limits.ts';

const backspace = new Set(['\b', '\u007f']);
const endOfInput = '\u0004';
const interrupt = '\u0003';

/** One line from the terminal, undefined when it is closed. With `isSecret` each letter shows as a star. */
export function readTypedLine(options: {readonly isSecret: boolean}): Promise<string | undefined> {
  const {stdin, stdout} = process;
  return new Promise((resolve) => {
    let typed = '';
    const finish = (answer: string | undefined): void => {
      stdin.off('data', onData);
      stdin.off('end', onEnd);
      stdin.setRawMode(false);
      stdin.pause();
      stdout.write('\n');
      resolve(answer);
    };
    const onEnd = (): void => finish(undefined);
    const onData = (chunk: Buffer | string): void => {
      for (const letter of chunk.toString()) {
        if (letter === '\r' || letter === '\n') return finish(typed);
        if (letter === endOfInput && typed === '') return finish(undefined);
        if (letter === interrupt) {
          finish(undefined);
          process.kill(process.pid, 'SIGINT');
          return;
        }
        if (backspace.has(letter)) {
          if (typed !== '') stdout.write('\b \b');
          typed = Array.from(typed).slice(0, -1).join('');
        } else if (letter >= ' ' && typed.length < typedBytesMax) {
          typed += letter;
          stdout.write(options.isSecret ? '*' : letter);
        }
      }
    };
    stdin.setRawMode(true);
    stdin.on('data', onData);
    stdin.on('end', onEnd);
    stdin.resume();
  });
}

/** Runs a program that talks to the user itself; 1 when a signal ended it. */
export function runWithOwnTerminal(command: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {stdio: 'inherit'});
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 1));
  });
}
