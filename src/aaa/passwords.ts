/**
 * Checks passwords against hashes: bcrypt, which existing lists of users hold, and scrypt, which needs nothing but Node.
 *
 * scrypt hashes are written `$scrypt$ln=15,r=8,p=1$SALT$HASH` with base64 of salt and hash.
 */
import {scrypt, timingSafeEqual} from 'node:crypto';

/** A work factor beyond these would let one login stop the service. */
const bcryptCostMax = 15;
const scryptMemoryBytesMax = 256 * 1_024 * 1_024;

/** A hash of nobody's password: an unknown user costs as much time as a wrong password. */
export const nobodysHash = '$2b$10$0fUoy6QQ4XmL3prtQ1GuyuMvZni2.wpKuwNXJcFkcsHdEoy.alJ0K';

/** False for a wrong password and for a hash of a kind that is not known. */
export async function isPasswordOf(hash: string, password: string): Promise<boolean> {
  if (/^\$2[aby]\$\d\d\$/.test(hash)) return isBcrypt(hash, password);
  if (hash.startsWith('$scrypt$')) return isScrypt(hash, password);
  return false;
}

async function isBcrypt(hash: string, password: string): Promise<boolean> {
  if (Number(hash.slice(4, 6)) > bcryptCostMax) return false;
  const {compare} = await import('bcryptjs');
  return compare(password, hash);
}

async function isScrypt(hash: string, password: string): Promise<boolean> {
  const match = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]+)={0,2}\$([A-Za-z0-9+/]+)={0,2}$/.exec(
    hash,
  );
  if (match === null) return false;
  const [, ln, r, p, salt = '', wanted = ''] = match;
  const options = {N: 2 ** Number(ln), r: Number(r), p: Number(p)};
  const memory = 128 * options.N * options.r * options.p;
  const expected = Buffer.from(wanted, 'base64');
  if (memory > scryptMemoryBytesMax || expected.length < 16 || expected.length > 64) return false;
  const found = await new Promise<Buffer>((resolve, reject) => {
    scrypt(
      password,
      Buffer.from(salt, 'base64'),
      expected.length,
      {...options, maxmem: memory + 1_048_576},
      (error, key) => {
        if (error === null) resolve(key);
        else reject(error);
      },
    );
  });
  return timingSafeEqual(found, expected);
}
