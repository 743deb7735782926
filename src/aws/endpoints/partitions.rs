//! The partitions of AWS and their hosts, as data (the SDKs' `partitions.json`; AWS General Reference, "Service endpoints
//! and quotas").

pub(super) struct Partition {
    pub(super) name: &'static str,
    pub(super) region_prefix: &'static str,
    pub(super) dns_suffix: &'static str,
    pub(super) dual_stack_suffix: &'static str,
    /// Plain, FIPS, dual-stack, and both.
    pub(super) iam_hosts: [&'static str; 4],
    pub(super) iam_signing_region: &'static str,
    /// Whether the plain regional endpoints are FIPS already.
    pub(super) plain_is_fips: bool,
    /// None where no federation endpoint is known.
    pub(super) console: Option<Console>,
}

pub(super) struct Console {
    pub(super) signin_host: &'static str,
    pub(super) console_host: &'static str,
    /// Whether each region has hosts of its own, with the region in front.
    pub(super) is_regional: bool,
}

pub(super) const STANDARD: Partition = Partition {
    name: "aws",
    region_prefix: "",
    dns_suffix: "amazonaws.com",
    dual_stack_suffix: "api.aws",
    iam_hosts: ["iam.amazonaws.com", "iam-fips.amazonaws.com", "iam.global.api.aws", "iam-fips.global.api.aws"],
    iam_signing_region: "us-east-1",
    plain_is_fips: false,
    console: Some(Console {
        signin_host: "signin.aws.amazon.com",
        console_host: "console.aws.amazon.com",
        is_regional: true,
    }),
};

/// All others; a region that has none of these prefixes is one of the standard partition.
const PARTITIONS: [Partition; 7] = [
    Partition {
        name: "aws-cn",
        region_prefix: "cn-",
        dns_suffix: "amazonaws.com.cn",
        dual_stack_suffix: "api.amazonwebservices.com.cn",
        iam_hosts: [
            "iam.cn-north-1.amazonaws.com.cn",
            "iam-fips.amazonaws.com.cn",
            "iam.global.api.amazonwebservices.com.cn",
            "iam-fips.api.amazonwebservices.com.cn",
        ],
        iam_signing_region: "cn-north-1",
        plain_is_fips: false,
        console: Some(Console {
            signin_host: "signin.amazonaws.cn",
            console_host: "console.amazonaws.cn",
            is_regional: false,
        }),
    },
    Partition {
        name: "aws-us-gov",
        region_prefix: "us-gov-",
        dns_suffix: "amazonaws.com",
        dual_stack_suffix: "api.aws",
        iam_hosts: ["iam.us-gov.amazonaws.com", "iam.us-gov.amazonaws.com", "iam.us-gov.api.aws", "iam.us-gov.api.aws"],
        iam_signing_region: "us-gov-west-1",
        plain_is_fips: true,
        console: Some(Console {
            signin_host: "signin.amazonaws-us-gov.com",
            console_host: "console.amazonaws-us-gov.com",
            is_regional: false,
        }),
    },
    Partition {
        name: "aws-iso",
        region_prefix: "us-iso-",
        dns_suffix: "c2s.ic.gov",
        dual_stack_suffix: "api.aws.ic.gov",
        iam_hosts: [
            "iam.us-iso-east-1.c2s.ic.gov",
            "iam-fips.us-iso-east-1.c2s.ic.gov",
            "iam.api.aws.ic.gov",
            "iam-fips.api.aws.ic.gov",
        ],
        iam_signing_region: "us-iso-east-1",
        plain_is_fips: false,
        console: None,
    },
    Partition {
        name: "aws-iso-b",
        region_prefix: "us-isob-",
        dns_suffix: "sc2s.sgov.gov",
        dual_stack_suffix: "api.aws.scloud",
        iam_hosts: [
            "iam.us-isob-east-1.sc2s.sgov.gov",
            "iam-fips.us-isob-east-1.sc2s.sgov.gov",
            "iam.api.aws.scloud",
            "iam-fips.api.aws.scloud",
        ],
        iam_signing_region: "us-isob-east-1",
        plain_is_fips: false,
        console: None,
    },
    Partition {
        name: "aws-iso-e",
        region_prefix: "eu-isoe-",
        dns_suffix: "cloud.adc-e.uk",
        dual_stack_suffix: "api.cloud-aws.adc-e.uk",
        iam_hosts: [
            "iam.eu-isoe-west-1.cloud.adc-e.uk",
            "iam-fips.cloud.adc-e.uk",
            "iam.api.cloud-aws.adc-e.uk",
            "iam-fips.api.cloud-aws.adc-e.uk",
        ],
        iam_signing_region: "eu-isoe-west-1",
        plain_is_fips: false,
        console: None,
    },
    Partition {
        name: "aws-iso-f",
        region_prefix: "us-isof-",
        dns_suffix: "csp.hci.ic.gov",
        dual_stack_suffix: "api.aws.hci.ic.gov",
        iam_hosts: [
            "iam.us-isof-south-1.csp.hci.ic.gov",
            "iam-fips.csp.hci.ic.gov",
            "iam.api.aws.hci.ic.gov",
            "iam-fips.api.aws.hci.ic.gov",
        ],
        iam_signing_region: "us-isof-south-1",
        plain_is_fips: false,
        console: None,
    },
    Partition {
        name: "aws-eusc",
        region_prefix: "eusc-",
        dns_suffix: "amazonaws.eu",
        dual_stack_suffix: "api.amazonwebservices.eu",
        iam_hosts: [
            "iam.eusc-de-east-1.amazonaws.eu",
            "iam-fips.amazonaws.eu",
            "iam.global.api.amazonwebservices.eu",
            "iam-fips.api.amazonwebservices.eu",
        ],
        iam_signing_region: "eusc-de-east-1",
        plain_is_fips: false,
        console: None,
    },
];

/// All names.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    [STANDARD.name].into_iter().chain(PARTITIONS.iter().map(|partition| partition.name))
}

/// The partition of a region; without one, the standard one.
pub(super) fn partition_of(region: Option<&str>) -> &'static Partition {
    region
        .and_then(|region| PARTITIONS.iter().find(|partition| region.starts_with(partition.region_prefix)))
        .unwrap_or(&STANDARD)
}
