# Who boto3 is by its default credentials, and who by the role named, if one is.
import sys

import boto3

sts = boto3.client("sts")
print(sts.get_caller_identity()["Arn"])
for role_arn in sys.argv[1:]:
    print(sts.assume_role(RoleArn=role_arn, RoleSessionName="boto3")["AssumedRoleUser"]["Arn"])
