/** A published message made new: for what crosses accounts and for mapped subjects, which are rare beside what is passed on as it came. */
import {hashBytes, type PublishFrame} from '../../natswire/index.ts';

/** The same message under another subject and with another reply subject. */
export function rewritten(
  frame: PublishFrame,
  change: {readonly subject: string; readonly reply: string | undefined},
): PublishFrame {
  const sizes = frame.buffer
    .toString('latin1', frame.sizeStart, frame.sizeEnd)
    .split(/[ \t]+/)
    .join(' ');
  const reply = change.reply === undefined ? '' : `${change.reply} `;
  const head = Buffer.from(`${change.subject} ${reply}${sizes}\r\n`, 'latin1');
  const buffer = Buffer.concat([head, frame.buffer.subarray(frame.payloadStart, frame.payloadEnd + 2)]);
  const subjectEnd = change.subject.length;
  const replyStart = subjectEnd + 1;
  return {
    buffer,
    subjectStart: 0,
    subjectEnd,
    subjectHash: hashBytes(buffer, 0, subjectEnd),
    replyStart: change.reply === undefined ? -1 : replyStart,
    replyEnd: change.reply === undefined ? -1 : replyStart + change.reply.length,
    headerBytes: frame.headerBytes,
    payloadStart: head.length,
    payloadEnd: head.length + frame.payloadEnd - frame.payloadStart,
    sizeStart: replyStart + reply.length,
    sizeEnd: head.length - 2,
    isTailCanonical: true,
  };
}
