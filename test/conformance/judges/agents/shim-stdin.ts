/** What the shim is started with and given. */
import {judgeEqual, type Judge} from '../../judge.ts';
import {caseList, fields, text, type Fields} from './_cases.ts';
import {startTestNode} from './_node.ts';

function argumentsOf(argv: unknown): unknown {
  return Array.isArray(argv)
    ? argv.map((item) =>
        item === '/etc/choria/shim.py' ? '{SHIM}' : item === '/etc/choria/shim.cfg' ? '{SHIMCFG}' : item,
      )
    : argv;
}

const judge: Judge = async function* ({data, vectorsDirectory}) {
  await using node = await startTestNode({vectorsDirectory, node: 'n1'});
  for (const [index, item] of caseList(data).entries()) {
    const stdin = fields(JSON.parse(text(item['stdin'])));
    const body = fields(stdin['body']);
    await node.call({
      agent: text(stdin['agent']),
      body: Buffer.from(JSON.stringify({agent: body['agent'], action: body['action'], data: body['data']}), 'utf8'),
      requestId: text(stdin['requestid']),
      senderId: text(stdin['senderid']),
      callerId: text(stdin['callerid']),
      collective: text(stdin['collective']),
      ttlSeconds: Number(stdin['ttl']),
      sentAtMs: Number(stdin['msgtime']) * 1000,
    });
    const record: Fields = node.lastRecord();
    yield judgeEqual(
      `#${index + 1} ${text(stdin['action'])}`,
      {argv: item['argv'], stdin, hasWholeEnvironment: true},
      {
        argv: argumentsOf(record['argv']),
        stdin: JSON.parse(text(record['stdin'])),
        hasWholeEnvironment:
          Array.isArray(record['variables']) &&
          Object.keys(node.context.platform.env).every((name) => (record['variables'] as unknown[]).includes(name)),
      },
    );
  }
};

export default judge;
