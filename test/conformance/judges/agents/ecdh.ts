/** Keys as they travel to a node that is provisioned: both sides find the same secret, and each opens what the other encrypted. */
import {createPrivateKey, createPublicKey} from 'node:crypto';
import {decryptPem, encryptPem, x25519Secret} from '../../../../src/crypto/index.ts';
import {createNodeRandom} from '../../../../src/lib/node-random.ts';
import {judgeEqual, type Judge} from '../../judge.ts';
import {caseList, caseName, text} from './_cases.ts';

/** The number of the public key tells whether it is the same key, whatever the PEM text looks like. */
function keyPrint(pem: string): string {
  return createPublicKey(createPrivateKey(pem)).export({format: 'der', type: 'spki'}).toString('hex');
}

const judge: Judge = async function* ({data}) {
  for (const [index, item] of caseList(data).entries()) {
    const name = caseName(item, index);
    const hex = (key: string): Buffer => Buffer.from(text(item[key]), 'hex');
    const plain = text(item['plain_key']);
    const node = x25519Secret(hex('node_private'), hex('provisioner_public'));
    const provisioner = x25519Secret(hex('provisioner_private'), hex('node_public'));
    yield judgeEqual(
      `${name} secret`,
      [item['shared_secret'], item['shared_secret']],
      [node.toString('hex'), provisioner.toString('hex')],
    );
    yield judgeEqual(`${name} decrypt`, plain.trim(), decryptPem(text(item['encrypted_key']), node).trim());
    const again = encryptPem(plain, {password: provisioner, random: createNodeRandom()});
    yield judgeEqual(`${name} encrypt`, keyPrint(plain), keyPrint(decryptPem(again, node)));
  }
};

export default judge;
