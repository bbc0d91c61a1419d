"""Regions and the partitions that they are in."""

_HOME_REGIONS = {
    "aws": "us-east-1",
    "aws-cn": "cn-north-1",
    "aws-us-gov": "us-gov-west-1",
    "aws-iso": "us-iso-east-1",
    "aws-iso-b": "us-isob-east-1",
    "aws-iso-e": "eu-isoe-west-1",
    "aws-iso-f": "us-isof-south-1",
    "aws-eusc": "eusc-de-east-1",
}
_PREFIXES = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
    "eusc-": "aws-eusc",
}


def partition_of(region: str) -> str:
    """Tell the partition of a region by its name; ``aws`` where nothing says otherwise."""
    for prefix, partition in _PREFIXES.items():
        if region.startswith(prefix):
            return partition
    return "aws"


def region_for(partition: str, *wanted: str | None) -> str:
    """Give the first wanted region that is in the partition, else the partition's first."""
    for region in wanted:
        if region and partition_of(region) == partition:
            return region
    return _HOME_REGIONS.get(partition, "us-east-1")
