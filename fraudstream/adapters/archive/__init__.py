"""The archive: Parquet files in a directory or a bucket, named by the offsets they hold, and the search in them."""
