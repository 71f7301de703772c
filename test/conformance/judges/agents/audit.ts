/** Audit lines: the same request at the same time gives the same line, byte for byte but for what only microseconds tell. */
import {formatAuditLine} from '../../../../src/rpc/index.ts';
import {judgeEqual, type Judge} from '../../judge.ts';
import {fields, text} from './_cases.ts';

const judge: Judge = async ({data}) => {
  if (!Array.isArray(data)) throw new Error('expected a list of lines');
  return data.map((line: unknown, index) => {
    const entry = fields(JSON.parse(text(line)));
    const inputs = fields(entry['data']);
    const timestamp = text(entry['timestamp']);
    const ours = formatAuditLine(
      {
        agent: text(entry['agent']),
        action: text(entry['action']),
        data: inputs,
        requestId: text(entry['request_id']),
        senderId: text(entry['sender']),
        callerId: text(entry['caller']),
        collective: 'mcollective',
        ttlSeconds: 60,
        sentAtMs: Number(entry['request_time']) * 1000,
      },
      Date.parse(timestamp.replace(/(\.\d{3})\d{3}\+0000$/, '$1Z')),
    );
    // Clocks of this program tick in milliseconds; the last three digits are there and zero.
    const wanted = text(line).replace(/(\.\d{3})\d{3}\+0000"/, '$1000+0000"');
    return judgeEqual(`line ${index + 1}`, wanted, ours);
  });
};

export default judge;
