import {describe, expect, test} from 'vitest';
import {createManualClock} from '../../test/support/manual-clock.ts';
import {serverLimits} from './limits.ts';
import {SentReplies} from './sent-replies.ts';

const reply = (requestId: string, size = 10) => ({
  requestId,
  callerId: 'choria=alice',
  replyTo: `mcollective.reply.x.${requestId}`,
  message: Buffer.alloc(size),
});

describe('answers that were sent', () => {
  test('are given again to the same caller and inbox only', () => {
    const replies = new SentReplies(createManualClock());
    replies.remember(reply('a'));
    expect(replies.find(reply('a'))?.message.length).toBe(10);
    expect(replies.find({...reply('a'), callerId: 'choria=bob'})).toBeUndefined();
    expect(replies.find({...reply('a'), replyTo: 'mcollective.reply.bob.a'})).toBeUndefined();
    expect(replies.find(reply('b'))).toBeUndefined();
  });

  test('are kept as they were, many together, whatever happens to the buffers that they came in', () => {
    const budget = {heldBytes: 0};
    const servers = Array.from({length: 40}, () => new SentReplies(createManualClock(), budget));
    for (const [index, server] of servers.entries()) {
      const message = Buffer.from(`answer of ${index} `.repeat(100));
      server.remember({...reply('a'), message});
      message.fill(0);
    }
    const found = servers.map((server) => server.find(reply('a'))?.message);
    expect(found.map(String)).toEqual(servers.map((_, index) => `answer of ${index} `.repeat(100)));
    expect(new Set(found.map((message) => message?.buffer)).size).toBeLessThan(6);
  });

  test('are forgotten in time, and beyond their number and size', async () => {
    const clock = createManualClock();
    const budget = {heldBytes: 0};
    const replies = new SentReplies(clock, budget);
    for (let count = 0; count < serverLimits.sentRepliesMax + 5; count++) replies.remember(reply(`r${count}`));
    expect(replies.recent(1000).length).toBe(serverLimits.sentRepliesMax);
    expect(replies.find(reply('r4'))).toBeUndefined();
    replies.remember(reply('large', serverLimits.sentReplyBytesMax));
    expect(replies.recent(1000).map(({requestId}) => requestId)).toEqual(['large']);
    replies.remember(reply('larger', serverLimits.sentReplyBytesMax + 1));
    expect(replies.find(reply('larger'))).toBeUndefined();
    await clock.advance(serverLimits.sentReplyMs + 1);
    expect(replies.find(reply('large'))).toBeUndefined();
    expect(budget.heldBytes).toBe(0);
  });

  test('are kept by nobody when the process holds enough', () => {
    const budget = {heldBytes: serverLimits.sentRepliesProcessBytesMax};
    const replies = new SentReplies(createManualClock(), budget);
    replies.remember(reply('a'));
    expect(replies.find(reply('a'))).toBeUndefined();
  });
});
