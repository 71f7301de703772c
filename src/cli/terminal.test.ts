/** Nothing that a node, a file or a message holds may act on the terminal, whichever way it is shown. */
import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {parseAgentDdl} from '../ddl/index.ts';
import type {NodeReply, RequestStatistics} from '../rpc/index.ts';
import {encodeTransport} from '../protocol/index.ts';
import {writeLogLine} from './fatal.ts';
import {classicReport} from './mco/classic/report.ts';
import {classicResults, jsonResults, verboseResults} from './mco/classic/results.ts';
import {rubyInspect, rubyPretty} from './mco/classic/ruby-inspect.ts';
import {classicSummaries} from './mco/classic/summaries.ts';
import {classicPaint} from './mco/style.ts';
import {colours} from './render/colour.ts';
import {inertJson} from './render/inert.ts';
import {renderLayers} from './render/layers.ts';
import {renderTable} from './render/table.ts';
import type {CliContext} from './types.ts';
import {agentMetadata} from '../../test/support/agent-metadata.ts';

const paint = classicPaint({configured: false, env: {}});
const plain = colours({sink: {isTerminal: false}, env: {}});

/** Everything that a terminal would act upon, but what texts of several lines may hold: the line feed, and the tab, which only moves the cursor on. */
// eslint-disable-next-line no-control-regex
const active = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/u;

const hostile = fc.oneof(
  fc.string({unit: 'binary', maxLength: 20}),
  fc.constantFrom(
    '\u001b]0;title\u0007',
    '\u001b[2J\u001b[1;1H',
    '\u009b31m',
    '\rroot@safe',
    '\u202egnp.exe',
    'a\u0000b',
    '\u001b[6n',
  ),
);
const value = fc.jsonValue({maxDepth: 3}).map((item) => item as unknown);
const data = fc.dictionary(hostile, fc.oneof(hostile, value), {maxKeys: 4});

const ddl = parseAgentDdl(
  JSON.stringify({
    metadata: agentMetadata('a'),
    actions: [
      {
        action: 'b',
        description: 'd',
        display: 'always',
        input: {},
        output: {value: {description: 'd', display_as: '\u001b[5mValue', type: 'string'}},
        aggregate: [{function: 'summary', args: ['value']}],
      },
    ],
  }),
);
const [action] = ddl.actions;

function reply(sender: string, statusMessage: string, shown: unknown, statusCode: number): NodeReply {
  return {
    sender,
    statusMessage,
    data: shown,
    statusCode,
    action: 'b',
    sentAtMs: 0,
    arrivedAfterMs: 0,
  } as unknown as NodeReply;
}

function expectInert(text: string): void {
  expect(active.exec(text)?.[0], JSON.stringify(text)).toBeUndefined();
}

describe('whatever a node sends, no active letter reaches the terminal', () => {
  test('in results, summaries and reports of the classic client', () => {
    if (action === undefined) throw new Error('Assertion failed: the description has an action');
    fc.assert(
      fc.property(hostile, hostile, data, fc.integer({min: 0, max: 6}), (sender, message, shown, code) => {
        const replies = [reply(sender, message, {...shown, value: message}, code), reply(sender, message, shown, 0)];
        expectInert(classicResults(replies, {action, display: 'always', paint}));
        expectInert(verboseResults(replies));
        expectInert(inertJson(jsonResults(replies, {agent: 'a', action: 'b', isTerminal: true})));
        expectInert(classicSummaries(replies, {action, paint}));
        const statistics = {
          discovered: 2,
          responses: 1,
          ok: 1,
          failed: 0,
          startedAtMs: 0,
          discoverMs: 1,
          requestMs: 1,
          noResponses: [sender],
          unexpectedResponses: [message],
        } as unknown as RequestStatistics;
        for (const isVerbose of [true, false]) {
          expectInert(classicReport({statistics, paint, caption: 'c', isVerbose, summaries: ''}));
        }
        expectInert(rubyInspect(shown));
        expectInert(rubyPretty(shown, {symbols: true}));
      }),
      {numRuns: 150},
    );
  });

  test('in tables', () => {
    fc.assert(
      fc.property(hostile, hostile, (title, cell) => {
        expectInert(renderTable({title: 'T', headers: [title], rows: [[cell], [[cell, title]]]}));
      }),
      {numRuns: 100},
    );
  });

  test('in the layers of a message, as boxes and as JSON', () => {
    fc.assert(
      fc.property(
        hostile,
        fc.constantFrom('message', 'hash', 'signature', 'pubcert'),
        fc.boolean(),
        (text, key, asJson) => {
          const kind = fc.sample(fc.constantFrom('request', 'reply'), 1)[0] ?? 'reply';
          const secure = {
            protocol: `choria:secure:${kind}:1`,
            message: '{}',
            hash: '',
            signature: '',
            pubcert: '',
            [key]: text,
          };
          const bytes = encodeTransport({version: 1, payload: Buffer.from(JSON.stringify(secure)), trace: []});
          let out = '';
          try {
            renderLayers(bytes, {sink: {write: (part) => (out += part)}, paint: plain, nowMs: 0, asJson});
          } catch (error) {
            // What is no message is refused; what was shown before counts all the same.
            if (!(error instanceof Error)) throw error;
          }
          expectInert(out);
        },
      ),
      {numRuns: 150},
    );
  });

  test('in the last line of a command that fails, on a terminal and in a file', () => {
    fc.assert(
      fc.property(hostile, fc.boolean(), (message, isTerminal) => {
        let out = '';
        const context = {
          platform: {clock: {nowMs: () => 0}, env: {NO_COLOR: '1'}},
          startedAtMs: 0,
        } as unknown as CliContext;
        const sink = {write: (text: string) => void (out += text), isTerminal, columns: 80};
        writeLogLine(context, sink, {level: 'fatal', message});
        expectInert(out);
      }),
      {numRuns: 100},
    );
  });
});
