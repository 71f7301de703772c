/** The certificates of the file are read by our own reader, and belong to the keys beside them. */
import {createPrivateKey, X509Certificate} from 'node:crypto';
import {readCertificates} from '../../../../../src/crypto/index.ts';
import {type Judge, judgeEqual} from '../../../judge.ts';

const judge: Judge = async ({data}) => {
  const files = data as Readonly<Record<string, string>>;
  return Object.entries(files)
    .filter(([name]) => name.endsWith('.pem'))
    .map(([name, pem]) => {
      const key = files[name.replace(/\.pem$/, '.key')];
      const library = new X509Certificate(pem);
      const wanted = [/CN=([^\n]*)/.exec(library.subject)?.[1] ?? '', true];
      const belongs = key === undefined || library.checkPrivateKey(createPrivateKey(key));
      return judgeEqual(name, wanted, [readCertificates(pem, 8)[0]?.commonName, belongs]);
    });
};

export default judge;
