select allowed from octroi.check_quota('gpt-4o-mini', 600);
