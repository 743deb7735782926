// Who AWS's SDK for JavaScript is by its default credentials, and who by the role named, if one is.
// With --refresh it asks twice, the second time in the belief that the session is about to end.
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";

const role = process.argv.slice(2).find((argument) => argument.startsWith("arn:"));
const sts = new STSClient({});
console.log((await sts.send(new GetCallerIdentityCommand({}))).Arn);
if (process.argv.includes("--refresh")) {
  const now = Date.now;
  Date.now = () => now() + 59 * 60 * 1000;
  await sts.config.credentials();
  Date.now = now;
  console.log((await sts.send(new GetCallerIdentityCommand({}))).Arn);
}
if (role) {
  const command = new AssumeRoleCommand({ RoleArn: role, RoleSessionName: "node" });
  console.log((await sts.send(command)).AssumedRoleUser.Arn);
}
