import {describe, expect, test} from 'vitest';
import {footerText} from '../../src/cli/commands/req-footer.ts';
import {valueText} from '../../src/cli/commands/req-text.ts';
import {colours} from '../../src/cli/render/colour.ts';
import {buildFilter} from '../../src/client/filter.ts';
import {checkTargets} from '../../src/rpc/client/targets.ts';

describe('what people type and what nodes send', () => {
  test.each(['', ' ', '=', 'country', '=mt', 'country='])(
    'fault 38: the fact filter "%s" is refused or leaves the filter as it is',
    (fact) => {
      if (fact === '') expect(buildFilter({facts: [fact], classes: ['a']}).facts).toEqual([]);
      else expect(() => buildFilter({facts: [fact]})).toThrow(/could not parse fact/);
    },
  );

  test.each(['*', '>', 'a.*', ' ', 'a\tb'])('fault 38: the target "%s" never becomes everybody', (target) => {
    expect(() => checkTargets([target])).toThrow(/Cannot send a request to the node/);
  });

  test('fault 34: values with escapes, overwrites and marks are shown, not obeyed', () => {
    const hostile = '\u001b]0;owned\u0007\rroot \u202egnp.exe\u0000';
    const shown = valueText(JSON.stringify(hostile), 0) + valueText(JSON.stringify({a: [hostile]}), 3);
    // eslint-disable-next-line no-control-regex
    expect(shown).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
  });

  test('fault 75: names of silent and unexpected nodes cannot break a line or move the cursor', () => {
    const text = footerText(
      {
        requestId: 'id',
        agent: 'a',
        action: 'b',
        noResponses: ['n1\nFinished processing 9 / 9'],
        unexpectedResponses: ['\u001b[2Jx'],
        targets: ['n1'],
        discovered: 1,
        ok: 0,
        failed: 0,
        responses: 0,
        publishMs: 0,
        requestMs: 0,
        discoverMs: 0,
        startedAtMs: 0,
        strays: {unexpected: [], conflicts: [], duplicates: 0, misattributed: 0, foreign: 0, invalid: 0},
        silences: [{identity: 'n1\nFinished processing 9 / 9', reason: 'lost'}],
        knowsConnected: true,
        interrupted: false,
      },
      {verbose: false, paint: colours({sink: {isTerminal: false}, env: {}})},
    );
    expect(text).not.toContain('\u001b');
    expect(text.match(/^Finished processing/gm)).toHaveLength(1);
  });
});
